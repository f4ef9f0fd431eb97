/** A page that uses every public name; test/dist.test.js has the TypeScript compiler check it against nuphar.d.ts. */
import { automatic, connect, custom, NupharError, tuple, type Client, type Line, type Queue, type State, type Store, type Transport } from "../dist/nuphar.js";

const types = automatic({ Move: ["id", "x", "y"], Color: ["name"] });
const { Move, Color } = types.constructors;
type Move = ReturnType<typeof Move>;
type Board = { cards: { [id: string]: [number, number] }; draft?: string };

const client: Client = connect("/live", { types, onstate: (state: State, client) => console.log(state, client.since, client.why) });
const board: Store<Board, Move> = client.subscribe("board", {
  initial: { cards: {} },
  optimistic: true,
  params: { room: 7 },
  local: ["draft"],
  update: (model: Board, move: Move): Board => ({ cards: { ...model.cards, [move.id]: [move.x, move.y] } }),
});

const leave: () => void = board.onchange((model, message) => console.log(model?.cards, message?._, board.seq));
board.onpush((message) => console.log(message.id));
board.onpresence(({ joins, leaves, full }) => console.log(joins.length, leaves.length, full));
board.dispatch(Move("c1", 1, 2)).then(
  (seq: number) => console.log(seq),
  (error: unknown) => error instanceof NupharError && error.code === "denied" && console.log(error.text, error.details),
);
console.log(Color("RED").name, tuple(1, "a")[1].length, board.error?.code, board.target, client.clientId?.length);
const { messages, bytes, kept, where, why }: Queue = client.queue;
console.log(messages + bytes + kept, where === "disk", why.length, client.code ?? 0, client.transport.length);
console.log(board.confirmed?.cards, board.pending[0]?.id);
board.assign({ draft: "not sent yet" });
const unhook = [
  client.onqueue((queue) => queue.kept),
  client.onreject((error, { target, message }) => console.log(error, target.length, message)),
  client.onstate((state) => state === "closed"),
];
unhook.forEach((end) => end());
leave();
client.reauthenticate({ token: "t2" });
client.reauthenticate();
board.unsubscribe();
client.close();

connect("wss://host/live", { serialiser: custom({ encodeMessage: String, decodeMessage: String, decodeModel: JSON.parse }) });
connect("/live", { WebSocket, types: { Move: ["id"] }, platform: { random: () => 0 } }).subscribe("session").dispatch({ any: "thing" });
const pipe: Transport = {
  name: "pipe",
  connect(url: string): Line {
    const line: Line = { largest: 65_536, heartbeat: 0, send: (data) => (line.onprogress?.(), line.onframe?.(data)), close: (code) => line.onclose?.(code, url) };
    queueMicrotask(() => line.onopen?.("nuphar.v1.cbor"));
    return line;
  },
};
connect("/live", { token: async () => (await fetch("/token")).text() });
connect("/live", { token: () => sessionStorage.token ?? null });
connect("/live", { transports: [pipe], storage: false, user: "ann", onqueue: ({ why }) => why, onreject: console.log });

// @ts-expect-error: a local field is a field of the model
client.subscribe<Board, Move>("board", { local: ["note"] });
// @ts-expect-error: what waits is not to be changed
board.pending.push(Move("c1", 1, 2));
// @ts-expect-error: a constructor counts its fields
Move("c1");
// @ts-expect-error: there is no such option
client.subscribe("board", { reducer: () => 0 });
// @ts-expect-error: a model is read only
board.model = { cards: {} };
