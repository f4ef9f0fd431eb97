/**
 * How messages and models travel: plain values that CBOR and JSON both hold. Pure.
 *
 * A registered type travels by position, `{"_": "Move", "0": "c1", "1": 2}`, and is an ordinary object here,
 * `{_: "Move", id: "c1", x: 2}`. What Python has and JSON has not travels in the same form under names with a `$`:
 *
 *   $tuple      an array made by `tuple(...)`        $set, $frozenset       Set
 *   $float      NaN, Infinity, -Infinity             $date, $uuid, $decimal  {_: "$uuid", text}
 *   $datetime   Date; a new one is sent as UTC, one that was received as the text it came in
 *   $dict       Map; with keys that are text other than "_", a plain object
 */

const BUILT_IN = { $date: ["text"], $uuid: ["text"], $decimal: ["text"] };
const FLOATS = { nan: NaN, inf: Infinity, "-inf": -Infinity };

/** How a value was written that has more than one way: a tuple, a frozenset, a datetime. */
const written = new WeakMap();

function as(writing, value) {
  written.set(value, writing);
  return value;
}

/** An array that Python receives as a tuple. A copy of it (`[...pair]`) is an ordinary array, so a list. */
export function tuple(...items) {
  return as("$tuple", items);
}

/**
 * A serialiser that knows types by name: `automatic({Move: ["id", "x", "y"]})`, fields in the server's order.
 * Its `constructors` make the objects: `const {Move} = types.constructors; Move("c1", 1, 2)`. A constructor that
 * is not in the table is read as `{_: name, fields: [...]}` and can be sent in that form, too.
 */
export function automatic(table = {}) {
  const types = new Map(Object.entries({ ...BUILT_IN, ...table }));
  const constructors = {};
  for (const [name, fields] of Object.entries(table)) {
    if (!Array.isArray(fields) || new Set([...fields, "_"]).size !== fields.length + 1) {
      throw new TypeError(`type ${name}: expected an array of distinct field names other than "_"`);
    }
    constructors[name] = (...values) => construct(name, fields, values);
  }
  const write = (value) => pack(value, types);
  const read = (value) => unpack(value, types);
  return Object.freeze({ encodeMessage: write, decodeMessage: read, decodeModel: read, constructors });
}

/** A serialiser from functions of yours; each gives and takes what CBOR holds (no undefined, no class instances). */
export function custom({ encodeMessage, decodeMessage, decodeModel }) {
  for (const [name, given] of Object.entries({ encodeMessage, decodeMessage, decodeModel })) {
    if (typeof given !== "function") throw new TypeError(`custom: ${name} must be a function, got ${typeof given}`);
  }
  return Object.freeze({ encodeMessage, decodeMessage, decodeModel });
}

function construct(name, fields, values) {
  if (values.length !== fields.length) {
    throw new TypeError(`${name} has ${fields.length} fields (${fields.join(", ")}), got ${values.length}`);
  }
  return { _: name, ...Object.fromEntries(fields.map((field, index) => [field, values[index]])) };
}

function positional(name, values) {
  return { _: name, ...values };
}

function pack(value, types) {
  const each = (item) => pack(item, types);
  if (value === null || ["string", "boolean", "bigint"].includes(typeof value)) return value;
  if (typeof value === "number") {
    if (Number.isFinite(value)) return value;
    return positional("$float", [Number.isNaN(value) ? "nan" : value > 0 ? "inf" : "-inf"]);
  }
  if (value instanceof Uint8Array) return value;
  if (Array.isArray(value)) {
    const items = Array.from(value, each);
    return written.has(value) ? positional("$tuple", [items]) : items;
  }
  if (value instanceof Set) return positional(written.get(value) ?? "$set", [Array.from(value, each)]);
  if (value instanceof Map) return positional("$dict", [Array.from(value, (pair) => pair.map(each))]);
  if (value instanceof Date) {
    const text = written.get(value); // more digits than a Date has, perhaps, or another zone
    return positional("$datetime", [Date.parse(text) === value.getTime() ? text : value.toISOString()]);
  }
  if (typeof value !== "object") throw new TypeError(`a value of type ${typeof value} cannot be sent`);
  if (typeof value._ === "string") return positional(value._, fieldsOf(value, types).map(each));
  if (![Object.prototype, null].includes(Object.getPrototypeOf(value))) {
    throw new TypeError(`an instance of ${value.constructor?.name} cannot be sent; use a plain object or a named type`);
  }
  return mapped(value, each);
}

function mapped(value, each) {
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, each(item)]));
}

function fieldsOf(value, types) {
  const fields = types.get(value._);
  if (fields === undefined && Array.isArray(value.fields)) return value.fields;
  if (fields === undefined) throw new TypeError(`${value._} is not a known type: ${[...types.keys()].join(", ")}`);
  const stranger = Object.keys(value).find((key) => key !== "_" && !fields.includes(key));
  if (stranger !== undefined) throw new TypeError(`${value._} has no field ${stranger}; it has ${fields.join(", ")}`);
  return fields.map((field) => {
    if (value[field] === undefined) throw new TypeError(`${value._}.${field} is undefined`);
    return value[field];
  });
}

function unpack(value, types) {
  const each = (item) => unpack(item, types);
  if (typeof value !== "object" || value === null || value instanceof Uint8Array) return value;
  if (Array.isArray(value)) return value.map(each);
  if (typeof value._ !== "string") return mapped(value, each);
  const values = [];
  while (Object.hasOwn(value, values.length)) values.push(each(value[values.length]));
  const keys = Object.keys(value).length;
  if (keys !== values.length + 1) throw new TypeError(`${value._}: expected only "_" and positions, got ${keys} keys`);
  return revive(value._, values, types);
}

function revive(name, values, types) {
  const [first] = values;
  if (name === "$float" && Object.hasOwn(FLOATS, first)) return FLOATS[first];
  if (name === "$datetime" && !Number.isNaN(Date.parse(first))) return as(first, new Date(first));
  if (Array.isArray(first)) {
    if (name === "$tuple") return tuple(...first);
    if (name === "$set") return new Set(first);
    if (name === "$frozenset") return as(name, new Set(first));
    if (name === "$dict") {
      const textual = first.every(([key]) => typeof key === "string" && key !== "_");
      return textual ? Object.fromEntries(first) : new Map(first);
    }
  }
  const fields = types.get(name);
  return fields === undefined ? { _: name, fields: values } : construct(name, fields, values);
}
