// The limits of a file that a person writes: what is beyond them is an attack or an accident.

export const MAX_FILE_BYTES = 4 * 1024 * 1024;
export const MAX_DEPTH = 64;
export const MAX_ALIASES = 100;
