/** Nuphar's browser client: live topics over one WebSocket. */

/** Connect to a server at a path of this page's host (`"/live"`) or at a full URL, and stay connected until `close()`. */
export function connect(url: string, options?: ConnectOptions): Client;

export interface ConnectOptions {
  /** Type names and their fields in the server's order, or what `automatic` or `custom` made of them. */
  types?: TypeTable | Serialiser;
  /** Another word for `types`; it wins if both are given. */
  serialiser?: Serialiser;
  onstate?: StateListener;
  /** The class to open sockets with, where there is no global one or another is wanted. */
  WebSocket?: new (url: string, protocols: string[]) => WebSocketLike;
  /** Replaces parts of the surroundings, for tests: clocks, timers, randomness, the page's events. */
  platform?: Partial<Platform>;
}

/** `connecting`: an attempt is under way. `offline`: waits for the next one. `closed`: ended for good. */
export type State = "connecting" | "live" | "offline" | "closed";

export type StateListener = (state: State, client: Client) => void;

export interface Client {
  readonly state: State;
  /** When `state` was entered, in milliseconds since 1970. */
  readonly since: number;
  /** A sentence that says why the client is offline or closed; empty while it is live. */
  readonly why: string;
  /** The public id of this client's session, issued by the server; null before the first Welcome. */
  readonly clientId: string | null;
  /** Call `fn` on each change of `state`; the result ends that. */
  onstate(fn: StateListener): () => void;
  /**
   * Follow `"board"` (or `"topic:board"`), `"session"`, `"page:..."` or `"tree"`. A second call for the same target
   * gives the same store, and asks the server again if it had refused the target or the target had stopped.
   */
  subscribe<Model = unknown, Message = unknown>(id: string, options?: SubscribeOptions<Model, Message>): Store<Model, Message>;
  /** End for good. What waits for a connection is rejected with `gone`, what waits for an answer with `unknown_outcome`. */
  close(): void;
}

export interface SubscribeOptions<Model, Message> {
  /** The server's update function in JavaScript; pure. Without it the model changes by snapshots only. */
  update?: (model: Model, message: Message) => Model;
  /** The model before the first snapshot and after the target has stopped. */
  initial?: Model;
  /** Show own messages before the server has confirmed them; a rejected one is taken back. Needs `update`. */
  optimistic?: boolean;
  /** What the server's rule for joining wants to know: null or plain values. */
  params?: unknown;
}

export interface Store<Model = unknown, Message = unknown> {
  readonly target: string;
  /** `undefined` (or `initial`) before the first snapshot. */
  readonly model: Model | undefined;
  /** The place of the confirmed model in the target's order; 0 before the first message. */
  readonly seq: number;
  /** Why the server refused this target, or null. */
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
  window: Pick<EventTarget, "addEventListener" | "removeEventListener"> | undefined;
  document: (Pick<EventTarget, "addEventListener" | "removeEventListener"> & { readonly visibilityState: string }) | undefined;
  location: { readonly href: string } | undefined;
}
