// ticker: what the teas cost this second, told over a WebSocket for as long as somebody listens.

import type { IncomingMessage } from 'node:http';
import { type WebSocket, WebSocketServer } from 'ws';
import { parties, serve } from './serve.ts';
import { TEAS } from './teas.ts';

const INSTANCE = process.env['INSTANCE'] ?? 'ticker';
const PATH = '/prices';
const TICK_MS = 1000;
/** A price moves by at most this part of where it began, and stays within as much again of it. */
const STEP = 0.02;
const REACH = 0.2;
/** Listeners say nothing; bytes. */
const LONGEST_MESSAGE = 125;

let prices = Object.fromEntries(Object.entries(TEAS).map(([name, { price }]) => [name, Number(price)]));

function moved(name: string, price: number): number {
  const begun = Number(TEAS[name]?.price);
  const next = price + begun * STEP * (2 * Math.random() - 1);
  return Math.min(begun * (1 + REACH), Math.max(begun * (1 - REACH), next));
}

const printed = () => Object.fromEntries(Object.entries(prices).map(([name, price]) => [name, price.toFixed(2)]));

const server = serve(INSTANCE, (path, headers) =>
  path === PATH
    ? { body: { prices: printed(), instance: INSTANCE, ...parties(headers) } }
    : { status: 404, body: { error: 'only prices are here' } },
);
const sockets = new WebSocketServer({ server, path: PATH, maxPayload: LONGEST_MESSAGE, perMessageDeflate: false });
const listeners = new Map<WebSocket, () => void>();

sockets.on('connection', (socket: WebSocket, request: IncomingMessage) => {
  let number = 0;
  const who = parties(request.headers);
  const tell = () => {
    // One that does not keep up is told the prices of later instead.
    if (socket.bufferedAmount > 0) return;
    socket.send(JSON.stringify({ number: ++number, prices: printed(), instance: INSTANCE, ...who }));
  };
  listeners.set(socket, tell);
  socket.on('error', (error) => process.stdout.write(`${INSTANCE}: ${error.message}\n`));
  socket.on('close', () => listeners.delete(socket));
  tell();
});

setInterval(() => {
  prices = Object.fromEntries(Object.entries(prices).map(([name, price]) => [name, moved(name, price)]));
  for (const tell of listeners.values()) tell();
}, TICK_MS).unref();
// serve() ends the program when the last connection is gone; 1001: going away.
process.on('SIGTERM', () => {
  for (const socket of listeners.keys()) socket.close(1001);
});
