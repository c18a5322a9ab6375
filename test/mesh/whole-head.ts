// A head handed to the parser as the codecs do it: bytes are walked over, then read.

import type { HeadLimits } from '../../sidecar/http/h1/fields.ts';
import { scanFault, type Fault } from '../../sidecar/http/h1/fault.ts';
import { HeadScan } from '../../sidecar/http/h1/head-scan.ts';
import {
  type ParsedRequest,
  type ParsedResponse,
  parseRequest,
  parseResponse,
  type RequestRules,
} from '../../sidecar/http/h1/parse.ts';

const SCAN = new HeadScan();

/** Length of the head with its empty line, or what the walk met. */
export function walk(bytes: Buffer, limits: HeadLimits): number {
  SCAN.reset();
  return SCAN.run(bytes, 0, bytes.length, limits.maxHeadersCount + 1);
}

/** `head` without its empty line. */
export function requestOf(head: string, rules: RequestRules): ParsedRequest | Fault {
  return readRequest(Buffer.from(`${head}\r\n\r\n`, 'latin1'), rules);
}

export function responseOf(head: string, method: string, limits: HeadLimits): ParsedResponse | Fault {
  return readResponse(Buffer.from(`${head}\r\n\r\n`, 'latin1'), method, limits);
}

export function readRequest(bytes: Buffer, rules: RequestRules): ParsedRequest | Fault {
  const wire = walk(bytes, rules);
  if (wire < 0) return scanFault(wire);
  return parseRequest(bytes.toString('latin1', 0, wire), SCAN, wire, 'http', rules);
}

export function readResponse(bytes: Buffer, method: string, limits: HeadLimits): ParsedResponse | Fault {
  const wire = walk(bytes, limits);
  if (wire < 0) return scanFault(wire);
  return parseResponse(bytes.toString('latin1', 0, wire), SCAN, wire, method, limits);
}
