// From a head to its text. What is written is checked once more: no name or value with a line break ever
// reaches a socket, wherever it came from (CVE-2023-27493 and its kin).

import type { HeaderList, RequestHead, ResponseHead } from '../head.ts';
import { FORBIDDEN_IN_VALUE } from './characters.ts';
import { ReadyLines } from './ready-lines.ts';

export type HeaderCase = 'lower' | 'proper-case';

/** Standard reason phrases; an upstream's own phrase is never copied. */
const REASONS: Readonly<Record<number, string>> = {
  100: 'Continue',
  101: 'Switching Protocols',
  102: 'Processing',
  103: 'Early Hints',
  200: 'OK',
  201: 'Created',
  202: 'Accepted',
  203: 'Non-Authoritative Information',
  204: 'No Content',
  205: 'Reset Content',
  206: 'Partial Content',
  207: 'Multi-Status',
  208: 'Already Reported',
  226: 'IM Used',
  300: 'Multiple Choices',
  301: 'Moved Permanently',
  302: 'Found',
  303: 'See Other',
  304: 'Not Modified',
  305: 'Use Proxy',
  307: 'Temporary Redirect',
  308: 'Permanent Redirect',
  400: 'Bad Request',
  401: 'Unauthorized',
  402: 'Payment Required',
  403: 'Forbidden',
  404: 'Not Found',
  405: 'Method Not Allowed',
  406: 'Not Acceptable',
  407: 'Proxy Authentication Required',
  408: 'Request Timeout',
  409: 'Conflict',
  410: 'Gone',
  411: 'Length Required',
  412: 'Precondition Failed',
  413: 'Payload Too Large',
  414: 'URI Too Long',
  415: 'Unsupported Media Type',
  416: 'Range Not Satisfiable',
  417: 'Expectation Failed',
  421: 'Misdirected Request',
  422: 'Unprocessable Entity',
  423: 'Locked',
  424: 'Failed Dependency',
  425: 'Too Early',
  426: 'Upgrade Required',
  428: 'Precondition Required',
  429: 'Too Many Requests',
  431: 'Request Header Fields Too Large',
  451: 'Unavailable For Legal Reasons',
  500: 'Internal Server Error',
  501: 'Not Implemented',
  502: 'Bad Gateway',
  503: 'Service Unavailable',
  504: 'Gateway Timeout',
  505: 'HTTP Version Not Supported',
  506: 'Variant Also Negotiates',
  507: 'Insufficient Storage',
  508: 'Loop Detected',
  510: 'Not Extended',
  511: 'Network Authentication Required',
};

export function reasonPhrase(status: number): string {
  return REASONS[status] ?? 'Unknown';
}

export function requestLine(head: RequestHead): string {
  return head.method + ' ' + head.path + ' HTTP/1.1\r\n';
}

export function connectLine(head: RequestHead): string {
  return 'CONNECT ' + head.authority + ' HTTP/1.1\r\n';
}

const REQUESTS = { lower: new ReadyLines('lower'), 'proper-case': new ReadyLines('proper-case') };
const RESPONSES = { lower: new ReadyLines('lower'), 'proper-case': new ReadyLines('proper-case') };

/** The field lines of a request. `framing`: those that delimit the body and steer the connection. */
export function requestFieldLines(head: RequestHead, framing: string, headerCase: HeaderCase): string {
  const lines = REQUESTS[headerCase];
  return lines.all(lines.line(0, 'host', head.authority), head.headers) + framing;
}

/** A whole request head. */
export function formatRequest(head: RequestHead, framing: string, headerCase: HeaderCase): string {
  return requestLine(head) + requestFieldLines(head, framing, headerCase) + '\r\n';
}

const STATUS_LINES = new Map<number, string>();

export function statusLine(status: number, version: 10 | 11): string {
  const key = status * 100 + version;
  let line = STATUS_LINES.get(key);
  if (line === undefined) {
    line = `HTTP/1.${version - 10} ${status} ${reasonPhrase(status)}\r\n`;
    // Statuses have three digits: the map cannot grow beyond them.
    STATUS_LINES.set(key, line);
  }
  return line;
}

/** A whole response head. */
export function formatResponse(head: ResponseHead, version: 10 | 11, framing: string, headerCase: HeaderCase): string {
  return statusLine(head.status, version) + responseFieldLines(head.headers, headerCase) + framing + '\r\n';
}

/** The field lines of a response. */
export function responseFieldLines(headers: HeaderList, headerCase: HeaderCase): string {
  return RESPONSES[headerCase].all('', headers);
}

/** Whether a value made by configuration or from a certificate may be written. */
export function isWritable(value: string): boolean {
  return !FORBIDDEN_IN_VALUE.test(value);
}
