/** A page that uses every public name; test/dist.test.js has the TypeScript compiler check it against nuphar.d.ts. */
import { automatic, connect, custom, NupharError, tuple, type Client, type State, type Store } from "../dist/nuphar.js";

const types = automatic({ Move: ["id", "x", "y"], Color: ["name"] });
const { Move, Color } = types.constructors;
type Move = ReturnType<typeof Move>;
type Board = { cards: { [id: string]: [number, number] } };

const client: Client = connect("/live", { types, onstate: (state: State, client) => console.log(state, client.since, client.why) });
const board: Store<Board, Move> = client.subscribe("board", {
  initial: { cards: {} },
  optimistic: true,
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
leave();
board.unsubscribe();
client.close();

connect("wss://host/live", { serialiser: custom({ encodeMessage: String, decodeMessage: String, decodeModel: JSON.parse }) });
connect("/live", { WebSocket, types: { Move: ["id"] }, platform: { random: () => 0 } }).subscribe("session").dispatch({ any: "thing" });

// @ts-expect-error: a constructor counts its fields
Move("c1");
// @ts-expect-error: there is no such option
client.subscribe("board", { reducer: () => 0 });
// @ts-expect-error: a model is read only
board.model = { cards: {} };
