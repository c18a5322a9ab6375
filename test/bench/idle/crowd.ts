// The crowd that holds connections and does little with them: idle ones that had one answer and wait, and slow
// ones, half of which send a head byte by byte while the others read a large answer a little at a time.

import { connect, type Socket } from 'node:net';
import { LARGE_PATH } from '../peers/nginx-config.ts';
import { obey } from '../script.ts';

export interface CrowdOrder {
  readonly do: 'idle' | 'slow' | 'leave';
  readonly port: number;
  readonly count: number;
}

export interface CrowdReport {
  /** Connections that are open. */
  readonly open: number;
  /** Ended by the other side since they were opened. */
  readonly lost: number;
}

const OPENING_AT_ONCE = 100;
/** One address has some 28,000 ports; several are more like a crowd. */
const ADDRESSES = 8;
const BYTE_MS = 2000;
const SIP_MS = 1000;
const SIP_BYTES = 16 * 1024;

const sockets = new Set<Socket>();
let lost = 0;
let made = 0;

function open(port: number, greeting: string): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const localAddress = `127.0.0.${1 + (made++ % ADDRESSES)}`;
    const socket = connect({ port, host: '127.0.0.1', localAddress }, () =>
      socket.write(greeting, () => resolve(socket)),
    );
    socket.once('error', reject);
    sockets.add(socket);
    socket.on('close', () => {
      if (sockets.delete(socket)) lost++;
    });
  });
}

async function idle(port: number): Promise<void> {
  const socket = await open(port, 'GET / HTTP/1.1\r\nhost: crowd\r\n\r\n');
  await new Promise<void>((resolve, reject) => {
    socket.once('data', () => resolve());
    socket.once('close', () => reject(new Error('an idle connection was closed before its answer')));
  });
  socket.resume();
}

async function slow(port: number): Promise<void> {
  if (made % 2 === 0) slowHead(await open(port, 'GET / HTTP/1.1\r\nhost: crowd\r\nx-slow: '));
  else slowReader(await open(port, `GET ${LARGE_PATH} HTTP/1.1\r\nhost: crowd\r\n\r\n`));
}

function slowHead(socket: Socket): void {
  const timer = setInterval(() => socket.write('x'), BYTE_MS);
  socket.on('close', () => clearInterval(timer));
}

/** Its answer never ends within a measurement: 1 MiB at 16 KiB a second. */
function slowReader(socket: Socket): void {
  const timer = setInterval(() => socket.read(SIP_BYTES), SIP_MS);
  socket.on('close', () => clearInterval(timer));
}

async function openMany(count: number, one: () => Promise<void>): Promise<void> {
  for (let left = count; left > 0; left -= OPENING_AT_ONCE)
    await Promise.all(Array.from({ length: Math.min(left, OPENING_AT_ONCE) }, one));
}

function leave(): void {
  for (const socket of sockets) {
    sockets.delete(socket);
    socket.on('error', () => {});
    socket.destroy();
  }
  lost = 0;
}

obey<CrowdOrder, CrowdReport>(async ({ do: what, port, count }) => {
  if (what === 'leave') leave();
  else await openMany(count, () => (what === 'idle' ? idle(port) : slow(port)));
  return { open: sockets.size, lost };
});
