// What one side may be told by the other (RFC 9113 6.5, RFC 8441 3).

import { H2_ERROR } from './error-codes.ts';

export const SETTING = {
  HEADER_TABLE_SIZE: 1,
  ENABLE_PUSH: 2,
  MAX_CONCURRENT_STREAMS: 3,
  INITIAL_WINDOW_SIZE: 4,
  MAX_FRAME_SIZE: 5,
  MAX_HEADER_LIST_SIZE: 6,
  ENABLE_CONNECT_PROTOCOL: 8,
} as const;

/** What holds until a peer says otherwise. */
export const DEFAULT_SETTINGS = {
  headerTableSize: 4096,
  enablePush: 1,
  maxConcurrentStreams: Number.POSITIVE_INFINITY,
  initialWindowSize: 65_535,
  maxFrameSize: 16_384,
  maxHeaderListSize: Number.POSITIVE_INFINITY,
  enableConnectProtocol: 0,
} as const;

export const LARGEST_WINDOW = 2 ** 31 - 1;
export const LARGEST_FRAME = 2 ** 24 - 1;

/** More in one frame are no settings but work for us: there are seven that mean something. */
export const SETTINGS_IN_A_FRAME = 32;

const SETTING_BYTES = 6;

export interface SettingsSink {
  /** In the order of the frame; ids that we do not know too. */
  onSetting(id: number, value: number): void;
}

/**
 * Reads the payload of a SETTINGS frame whose length is right. Returns NO_ERROR, or the code of the first value
 * that is not allowed; the sink got those before it. `fromServer`: a server may not enable push.
 */
export function readSettings(
  payload: Buffer,
  start: number,
  end: number,
  fromServer: boolean,
  sink: SettingsSink,
): number {
  if (end - start > SETTINGS_IN_A_FRAME * SETTING_BYTES) return H2_ERROR.ENHANCE_YOUR_CALM;
  for (let at = start; at < end; at += SETTING_BYTES) {
    const id = payload.readUInt16BE(at);
    const value = payload.readUInt32BE(at + 2);
    const fault = faultOfSetting(id, value, fromServer);
    if (fault !== H2_ERROR.NO_ERROR) return fault;
    sink.onSetting(id, value);
  }
  return H2_ERROR.NO_ERROR;
}

function faultOfSetting(id: number, value: number, fromServer: boolean): number {
  switch (id) {
    case SETTING.ENABLE_PUSH:
      return value > (fromServer ? 0 : 1) ? H2_ERROR.PROTOCOL_ERROR : H2_ERROR.NO_ERROR;
    case SETTING.ENABLE_CONNECT_PROTOCOL:
      return value > 1 ? H2_ERROR.PROTOCOL_ERROR : H2_ERROR.NO_ERROR;
    case SETTING.INITIAL_WINDOW_SIZE:
      return value > LARGEST_WINDOW ? H2_ERROR.FLOW_CONTROL_ERROR : H2_ERROR.NO_ERROR;
    case SETTING.MAX_FRAME_SIZE:
      return value < DEFAULT_SETTINGS.maxFrameSize || value > LARGEST_FRAME
        ? H2_ERROR.PROTOCOL_ERROR
        : H2_ERROR.NO_ERROR;
    default:
      return H2_ERROR.NO_ERROR;
  }
}
