/** Nuphar's browser client: live topics over one connection that comes back. */

/**
 * Connect to a server at a path of this page's host (`"/live"`) or at a full URL, and stay connected until `close()`. A query
 * goes with every request, whatever the transport; a slash at the end of the path means nothing. Raises TypeError for a URL
 * of another scheme, and for `line`, `number`, `after`, `wait` and `close` in the query, which are names of the protocol.
 */
export function connect(url: string, options?: ConnectOptions): Client;

export interface ConnectOptions {
  /** Type names and their fields in the server's order, or what `automatic` or `custom` made of them. */
  types?: TypeTable | Serialiser;
  /** Another word for `types`; it wins if both are given. */
  serialiser?: Serialiser;
  onstate?: StateListener;
  onqueue?: QueueListener;
  onreject?: RejectListener;
  /** Keep messages without an answer in the browser, over a reload. True unless it is switched off or cannot be done. */
  storage?: boolean;
  /**
   * What shows the server who this is: visible ASCII, or a function that gives it or a promise of it and is asked at each try to
   * connect. Over HTTP it is sent as `Authorization: Bearer`, to open a WebSocket as the field `token` of the query, as browsers
   * let no page set a header there. It stands in no reason.
   */
  token?: Token;
  /** Who is signed in, if somebody is: what is kept is sent only for the same one again. */
  user?: string;
  /** The ways to the server, best first, in place of WebSocket, server-sent events and long-polling. */
  transports?: Transport[];
  /** The class to open sockets with, where there is no global one or another is wanted. */
  WebSocket?: new (url: string, protocols: string[]) => WebSocketLike;
  /** Replaces parts of the surroundings, for tests: clocks, timers, randomness, the page's events. */
  platform?: Partial<Platform>;
}

/** null, undefined and "" are none. */
export type Token = string | null | undefined | (() => string | null | undefined | Promise<string | null | undefined>);

/** `connecting`: an attempt is under way. `offline`: waits for the next one. `closed`: ended for good. */
export type State = "connecting" | "live" | "offline" | "closed";

export type StateListener = (state: State, client: Client) => void;

/** What waits for an answer. */
export interface Queue {
  readonly messages: number;
  readonly bytes: number;
  /** How many of the messages are written, so that a page which is loaded now would find them. */
  readonly kept: number;
  readonly where: "disk" | "memory";
  /** A sentence that says why it is memory; empty for disk. */
  readonly why: string;
}

export type QueueListener = (queue: Queue) => void;

/** `message` is as it was sent, or as it was kept if its type is not known any more. */
export type RejectListener = (error: unknown, what: { readonly target: string; readonly message: any }) => void;

export interface Client {
  readonly state: State;
  /** When `state` was entered, in milliseconds since 1970. */
  readonly since: number;
  /** A sentence that says why the client is offline or closed; empty while it is live. */
  readonly why: string;
  /** The close code of the connection that ended last, null while the client is live; 4401 or 4403 for a refusal over HTTP. */
  readonly code: number | null;
  /** The name of the transport in use: `websocket`, `sse` or `polling`, unless others were given. */
  readonly transport: string;
  readonly queue: Queue;
  /** The public id of this client's session, issued by the server; null before the first Welcome. */
  readonly clientId: string | null;
  /** Call `fn` on each change of `state`; the result ends that. */
  onstate(fn: StateListener): () => void;
  /** Call `fn` when messages begin or cease to wait, and when it changes where they are. */
  onqueue(fn: QueueListener): () => void;
  /** Call `fn` for each message that was not applied, or may not have been; also for those that an earlier page sent. */
  onreject(fn: RejectListener): () => void;
  /**
   * Follow `"board"` (or `"topic:board"`), `"session"`, `"page:..."` or `"tree"`. A second call for the same target
   * gives the same store, and asks the server again if it had refused the target or the target had stopped.
   */
  subscribe<Model = any, Message = any>(id: string, options?: SubscribeOptions<Model, Message>): Store<Model, Message>;
  /**
   * Leave the line and open another one at once, with another token if one is given; session, order and messages go on. Raises
   * NupharError `gone` once the client is closed, TypeError for a token that cannot be sent: then nothing has changed.
   */
  reauthenticate(options?: { token?: Token }): void;
  /**
   * End for good, and the session with it. What was never sent is rejected with `gone`, what waits for an answer with
   * `unknown_outcome`; nothing is kept.
   */
  close(): void;
}

/** What is known of a message besides what it says; null is what the topic does not share, and a server's author. */
export interface Meta {
  /** Who wrote it, as the server says; before its answer, of an own message, who we are. */
  author: string | null;
  /** When it entered the order, in seconds since 1970; before that a guess. */
  at: number | null;
  seq: number;
}

export interface SubscribeOptions<Model, Message> {
  /** The server's update function in JavaScript; pure. Without it the model changes by snapshots only. */
  update?: (model: Model, message: Message, meta: Meta) => Model;
  /** The model before the first snapshot and after the target has stopped. */
  initial?: Model;
  /** Show own messages before the server has confirmed them; a rejected one is taken back. Needs `update`. */
  optimistic?: boolean;
  /** Fields of the model that only this page knows: `assign` changes them, and no snapshot takes them away. */
  local?: readonly (keyof Model & string)[];
  /** What the server's rule for joining wants to know: null or plain values. */
  params?: unknown;
}

export interface Store<Model = any, Message = any> {
  readonly target: string;
  /** `undefined` (or `initial`) before the first snapshot. */
  readonly model: Model | undefined;
  /** The model without own messages that are not confirmed. */
  readonly confirmed: Model | undefined;
  /** Own messages that are not part of `confirmed`, in their order; `model` has them applied if the store is optimistic. */
  readonly pending: readonly Message[];
  /** The place of the confirmed model in the target's order; 0 before the first message. */
  readonly seq: number;
  /** Why the server refused this target or put this client out of it (code and text), or null. */
  readonly error: NupharError | null;
  /** `message` is null if something else than one message changed the model or the error: a snapshot, a refusal, a stop. */
  onchange(fn: (model: Model | undefined, message: Message | null) => void): () => void;
  /** For messages outside the order, of ephemeral topics and broadcasts. */
  onpush(fn: (message: Message) => void): () => void;
  onpresence(fn: (presence: Presence) => void): () => void;
  /**
   * Send a message. The promise gives its seq, or is rejected: with a `NupharError` if the server refused it (its code)
   * or it was not sent or answered (`busy`, `gone`, `not_subscribed`, `too_large`, `unknown_outcome`), with what was raised if the
   * message cannot be sent or `update` cannot apply it.
   */
  dispatch(message: Message): Promise<number>;
  /** Change fields that are `local`. */
  assign(fields: Partial<Model>): void;
  /** Leave the target; the store keeps its last model. */
  unsubscribe(): void;
}

export interface Presence {
  joins: unknown[];
  leaves: unknown[];
  /** `joins` is everybody. */
  full: boolean;
}

export type Code =
  | "malformed" | "unknown_type" | "wrong_direction" | "version" | "not_found" | "denied" | "not_subscribed" | "crashed"
  | "too_large" | "rate_limited" | "busy" | "gone" | "unknown_outcome";

export class NupharError extends Error {
  constructor(code: Code, text: string, details?: unknown);
  readonly name: "NupharError";
  readonly code: Code;
  readonly text: string;
  readonly details: unknown;
}

/** Field names by type name, in the server's order. An enum is a type with one field: `{Color: ["name"]}`. */
export type TypeTable = { readonly [name: string]: readonly string[] };

/** An object of a registered type: `{_: "Move", id: "c1", x: 1, y: 2}`. */
export type Named<Name extends string = string, Fields extends readonly string[] = readonly string[]> =
  { _: Name } & { [Field in Fields[number]]: any };

export interface Serialiser {
  encodeMessage(message: any): unknown;
  decodeMessage(payload: any): any;
  decodeModel(state: any): any;
}

export interface Automatic<Table extends TypeTable> extends Serialiser {
  /** `const {Move} = types.constructors; Move("c1", 1, 2)` */
  readonly constructors: {
    readonly [Name in keyof Table & string]: (...values: { [Index in keyof Table[Name]]: any }) => Named<Name, Table[Name]>;
  };
}

/** Registered types by position; `Set`, `Map`, `Date`, `Uint8Array`, `bigint`, tuples and plain values as themselves. */
export function automatic<const Table extends TypeTable>(table?: Table): Automatic<Table>;

/** A serialiser from three functions; what they give must be plain values that CBOR holds. */
export function custom(functions: Serialiser): Serialiser;

/** An array that Python receives as a tuple. A copy of it is an ordinary array again. */
export function tuple<Items extends unknown[]>(...items: Items): Items;

/** A way to a server. It gives a line at once, and calls nothing of it before that. */
export interface Transport {
  readonly name: string;
  /** `url` begins with http or https; `token` is "" if there is none. */
  connect(url: string, token: string): Line;
}

/** A connection. Its user sets the functions; one call of `send` or `onframe` is one frame. */
export interface Line {
  send(bytes: Uint8Array<ArrayBuffer>): void;
  /** 1000 says that the client will not come back. */
  close(code: number): void;
  onopen?: (protocol: string) => void;
  onframe?: (bytes: Uint8Array) => void;
  /** `after`: seconds that the server wants to be left alone. */
  onclose?: (code: number, reason: string, after?: number) => void;
  /**
   * Bytes have arrived that are no whole frame yet. A line that tells is not given up while they do, nor is the server asked
   * with a Ping; that the server hears of this client meanwhile is the line's to see to.
   */
  onprogress?: () => void;
  /** Set by its user once it is known: the bytes of the largest frame that the server takes. */
  largest?: number;
  /** Set likewise: milliseconds of silence after which the server asks for a sign of life, 0 for never. */
  heartbeat?: number;
}

export interface WebSocketLike {
  binaryType: string;
  readonly protocol: string;
  onopen: ((event: any) => void) | null;
  onmessage: ((event: any) => void) | null;
  onclose: ((event: any) => void) | null;
  send(data: Uint8Array<ArrayBuffer>): void;
  close(code?: number): void;
}

export interface Platform {
  /** Milliseconds of a clock that never jumps. */
  now(): number;
  /** Milliseconds since 1970. */
  date(): number;
  random(): number;
  setTimeout(fn: () => void, milliseconds: number): unknown;
  clearTimeout(timer: any): void;
  /** Is given what a listener or an `update` raised. */
  report(error: unknown): void;
  /** Starts `nuphar-worker.js`, which lies beside the script. */
  worker(): Pick<Worker, "postMessage" | "terminate" | "onmessage" | "onerror">;
  /** Opens this tab's part of what the browser keeps; undefined keeps nothing. */
  storage: ((name: string, date: number) => Promise<Tab>) | undefined;
  WebSocket: ConnectOptions["WebSocket"];
  fetch: typeof fetch | undefined;
  window: Pick<EventTarget, "addEventListener" | "removeEventListener"> | undefined;
  document: (Pick<EventTarget, "addEventListener" | "removeEventListener"> & { readonly visibilityState: string }) | undefined;
  location: { readonly href: string } | undefined;
}

/** What a tab keeps: a head that says which session, and a row for each message. */
export interface Tab {
  readonly head: any;
  readonly rows: readonly any[];
  save(head: any): void;
  write(rows: readonly any[], gone: readonly (number | null)[]): Promise<void>;
  end(): Promise<void>;
  release(): void;
}
