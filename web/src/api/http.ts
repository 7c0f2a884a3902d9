// Requests to the server: addresses, the token, errors.
import { signal } from '@preact/signals';
import { browserStore } from '../state/kept';
import { formatJson, parseJson } from './json';

const TOKEN_KEY = 'easel.token';

/** Set while the server refuses requests for want of a token: none was given here yet, or not the right one. */
export const tokenWanted = signal<'' | 'missing' | 'wrong'>('');

let given = false;

export function token(): string {
  return browserStore.getItem(TOKEN_KEY) ?? '';
}

export function setToken(value: string): void {
  browserStore.setItem(TOKEN_KEY, value);
  given = true;
  tokenWanted.value = '';
}

/** The server answered with something other than success. */
export class HttpError extends Error {
  constructor(
    readonly status: number,
    message: string,
    readonly body: unknown,
  ) {
    super(message);
  }
}

/** The full address of a route, below wherever the page itself is. */
export function address(route: string, query: Record<string, string> = {}): string {
  const url = new URL(`api/${route}`, document.baseURI);
  for (const [name, value] of Object.entries(query)) url.searchParams.set(name, value);
  return url.href;
}

/** As address(), with the token in it, for pictures and sockets, which cannot send headers. */
export function addressWithToken(route: string, query: Record<string, string> = {}): string {
  const own = token();
  return address(route, own ? { ...query, token: own } : query);
}

function messageOf(body: unknown, fallback: string): string {
  const error = (body as { error?: unknown } | null)?.error;
  if (typeof error === 'string') return error;
  const { message, details } = (error ?? {}) as { message?: string; details?: string };
  if (!message) return fallback;
  return details && details !== message ? `${message} (${details})` : message;
}

/** Sends a request and returns the parsed answer. Throws HttpError, or TypeError when the server is not there. */
export async function send<T>(route: string, init: RequestInit = {}, query: Record<string, string> = {}): Promise<T> {
  const headers = new Headers(init.headers);
  if (token()) headers.set('Authorization', `Bearer ${token()}`);
  const answer = await fetch(address(route, query), { ...init, headers });
  if (answer.status === 401) tokenWanted.value = given ? 'wrong' : 'missing';
  const text = await answer.text();
  let body: unknown = {};
  try {
    if (text) body = parseJson(text);
  } catch {
    body = { error: text.slice(0, 200) };
  }
  if (!answer.ok) throw new HttpError(answer.status, messageOf(body, `The server answered ${answer.status}.`), body);
  return body as T;
}

export function get<T>(route: string, query: Record<string, string> = {}): Promise<T> {
  return send<T>(route, {}, query);
}

export function post<T>(route: string, body: unknown): Promise<T> {
  return send<T>(route, { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: formatJson(body) });
}
