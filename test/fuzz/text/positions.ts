// Errors in a text must say where: a line of it, a column in the line, and the line as it is written.

import { type ConfigError, ERROR_CODES, formatErrors } from '../../../core/config-error.ts';
import { Violation } from '../target.ts';

/** The errors for a comparison: a line may be long, and many errors may stand in it. */
export function comparable(errors: readonly ConfigError[]): unknown {
  return errors.slice(0, MOST_CHECKED).map((error) => ({ ...error, sourceLine: error.sourceLine.slice(0, 100) }));
}

/** Of very many errors the first ones speak for all. */
const MOST_CHECKED = 300;

export function checkErrors(errors: readonly ConfigError[], text: string, file: string): void {
  const lines = text.split('\n');
  const some = errors.slice(0, MOST_CHECKED);
  for (const error of some) checkPlace(error, lines, file);
  formatErrors(some);
}

function checkPlace(error: ConfigError, lines: readonly string[], file: string): void {
  const { line, column, sourceLine, code, message } = error;
  const place = `${line}:${column} of ${lines.length} lines: ${message.slice(0, 200)}`;
  if (error.file !== file) throw new Violation('an error in another file', error.file);
  if (!(code in ERROR_CODES)) throw new Violation('an error with an unknown code', code);
  const written = lines[line - 1];
  if (written === undefined) throw new Violation('an error at a line that is not there', place);
  if (column < 1 || column > written.length + 1) throw new Violation('an error at a column that is not there', place);
  if (sourceLine !== written.replace(/\r$/, '')) throw new Violation('an error that shows another line', place);
  if (OF_THE_ENGINE.test(message)) throw new Violation('an error in the words of the engine', place);
}

/** What nobody wrote for a reader. */
const OF_THE_ENGINE = /call stack|is not a function|is not iterable|Cannot read prop|Invalid array length/i;
