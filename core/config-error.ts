// A mistake in a file that a person wrote, as data and as text: where it is, what is wrong, what was
// probably meant. One shape for every reader of configuration, for terminals, editors and the admin page.

export interface ConfigError {
  readonly file: string;
  /** From 1; 0 when the whole file is meant. */
  readonly line: number;
  /** From 1, in characters. */
  readonly column: number;
  /** `spec.rules[0].backendRefs[1].name`; '' for the document itself. */
  readonly path: string;
  readonly message: string;
  /** The word that was probably meant. */
  readonly suggestion: string | null;
  readonly code: ErrorCode;
  /** The line of the file as written; '' when there is none. */
  readonly sourceLine: string;
}

/** What each code stands for. Codes are stable: scripts and pages refer to them. */
export const ERROR_CODES = {
  FL0100: 'a file cannot be read',
  FL0101: 'the text is not valid YAML',
  FL0102: 'a key stands twice in one mapping',
  FL0103: 'the text is larger, deeper or more repetitive than allowed',
  FL0104: 'a key that is never allowed',
  FL0105: 'an unknown field',
  FL0106: 'a required field is missing',
  FL0107: 'a value of the wrong type or out of its range',
  FL0108: 'an unknown kind of document',
  FL0109: 'a name that refers to nothing',
  FL0110: 'an environment variable that is not set',
  FL0111: 'one name given to two things',
  FL0112: 'fields that contradict each other',
  FL0113: 'more mistakes than are told',
} as const;

export type ErrorCode = keyof typeof ERROR_CODES;

/** The longest part of a source line that is shown. */
const LONGEST_SOURCE_LINE = 160;

/** `file:line:col: path: message (did you mean "x"?) [FL0107]`, then the source line with a caret. */
export function formatError(error: ConfigError): string {
  const place = error.line > 0 ? `${error.file}:${error.line}:${error.column}` : error.file;
  const path = error.path === '' ? '' : `${error.path}: `;
  const hint = error.suggestion === null ? '' : ` (did you mean "${error.suggestion}"?)`;
  const head = `${place}: ${path}${error.message}${hint} [${error.code}]`;
  return error.sourceLine === '' ? head : `${head}\n${caretLines(error.sourceLine, error.column)}`;
}

/** All errors as text, in the order of files and lines. */
export function formatErrors(errors: readonly ConfigError[]): string {
  return sortErrors(errors).map(formatError).join('\n');
}

export function sortErrors(errors: readonly ConfigError[]): readonly ConfigError[] {
  return [...errors].sort((a, b) => compareText(a.file, b.file) || a.line - b.line || a.column - b.column);
}

function compareText(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}

/** Tabs stay tabs in front of the caret, so that it lands under the right character. */
function caretLines(source: string, column: number): string {
  const shown = source.slice(0, LONGEST_SOURCE_LINE);
  const before = shown.slice(0, Math.max(0, column - 1)).replace(/[^\t]/g, ' ');
  return column - 1 <= shown.length ? `  ${shown}\n  ${before}^` : `  ${shown}`;
}

/** An error about a file as a whole: it could not be read, or holds nothing. */
export function fileError(file: string, code: ErrorCode, message: string): ConfigError {
  return { file, line: 0, column: 0, path: '', message, suggestion: null, code, sourceLine: '' };
}
