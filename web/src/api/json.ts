// JSON whose whole numbers keep all their digits: seeds go up to 2^64 - 1, beyond what a JavaScript number holds.

const MARK = '@whole:';
const TOKENS = /"(?:[^"\\]|\\.)*"|-?\d{16,}(?![\d.eE])/g;

/** Parses JSON; whole numbers that would lose digits become a bigint. Throws SyntaxError. */
export function parseJson(text: string): unknown {
  if (!/\d{16}/.test(text)) return JSON.parse(text);
  const marked = text.replace(TOKENS, (token) => {
    if (token.startsWith('"') || Number.isSafeInteger(Number(token))) return token;
    return `"${MARK}${token}"`;
  });
  return JSON.parse(marked, (_key, value: unknown) =>
    typeof value === 'string' && value.startsWith(MARK) ? BigInt(value.slice(MARK.length)) : value,
  );
}

/** The inverse of parseJson(). */
export function formatJson(value: unknown, indent?: number): string {
  const text = JSON.stringify(
    value,
    (_key, v: unknown) => (typeof v === 'bigint' ? `${MARK}${v}` : v),
    indent,
  );
  return text.replace(/"@whole:(-?\d+)"/g, '$1');
}

/** A copy that shares nothing with the original. */
export function clone<T>(value: T): T {
  return structuredClone(value);
}
