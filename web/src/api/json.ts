// JSON whose whole numbers keep all their digits: seeds go up to 2^64 - 1, beyond what a JavaScript number holds.

// Stands before the digits while they pass through JSON as text; from Unicode's private use area, so that no
// ordinary text begins with it.
const MARK = '\uE000whole:';
const TOKENS = /"(?:[^"\\]|\\.)*"|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/g;
const MARKED = /^\uE000whole:-?\d+$/;

/** Parses JSON; whole numbers that would lose digits become a bigint. Throws SyntaxError. */
export function parseJson(text: string): unknown {
  if (!/\d{16}/.test(text)) return JSON.parse(text);
  const marked = text.replace(TOKENS, (token) =>
    /^-?\d{16,}$/.test(token) && !Number.isSafeInteger(Number(token)) ? `"${MARK}${token}"` : token,
  );
  return JSON.parse(marked, (_key, value: unknown) =>
    typeof value === 'string' && MARKED.test(value) ? BigInt(value.slice(MARK.length)) : value,
  );
}

/** The inverse of parseJson(). */
export function formatJson(value: unknown, indent?: number): string {
  const text = JSON.stringify(value, (_key, v: unknown) => (typeof v === 'bigint' ? `${MARK}${v}` : v), indent);
  return text.replace(/"\uE000whole:(-?\d+)"/g, '$1');
}

/** A copy that shares nothing with the original. */
export function clone<T>(value: T): T {
  return structuredClone(value);
}
