// Milliseconds since 1970 as ISO 8601 in UTC, as logs write them. Not by way of Date: the first one that a program makes
// wakes ICU's time zones, and 2 MB of them stay.

const SECONDS_PER_DAY = 86_400;
const DAYS_PER_YEAR = 365;
/** The calendar repeats after 400 years. */
const DAYS_PER_CYCLE = 146_097;
const YEARS_PER_CYCLE = 400;
/** From 1 March of the year 0 to 1970-01-01. A year that begins in March has its leap day at the end. */
const MARCH_0_TO_1970 = 719_468;

const TWO_DIGITS = Array.from({ length: 60 }, (_, n) => String(n).padStart(2, '0'));
const MILLISECONDS = Array.from({ length: 1000 }, (_, ms) => `${String(ms).padStart(3, '0')}Z`);

/** Consecutive lines share their second. */
let lastSecond = Number.NaN;
let lastText = '';

/** For the years 0 to 9999; fractions of a millisecond are cut off. */
export function isoTime(wallMs: number): string {
  const whole = Math.floor(wallMs);
  const second = Math.floor(whole / 1000);
  if (second !== lastSecond) {
    lastSecond = second;
    lastText = upToSeconds(second);
  }
  return lastText + MILLISECONDS[whole - second * 1000];
}

function upToSeconds(second: number): string {
  const day = Math.floor(second / SECONDS_PER_DAY);
  const rest = second - day * SECONDS_PER_DAY;
  const clock = `${two(Math.floor(rest / 3600))}:${two(Math.floor(rest / 60) % 60)}:${two(rest % 60)}`;
  return `${dateOf(day)}T${clock}.`;
}

/** Of a number of days since 1970. */
function dateOf(day: number): string {
  const days = day + MARCH_0_TO_1970;
  const cycle = Math.floor(days / DAYS_PER_CYCLE);
  const ofCycle = days - cycle * DAYS_PER_CYCLE;
  // Every 4 years (1460 days and the leap day) one day more, every 100 one less, every 400 one more.
  const leapDays =
    Math.floor(ofCycle / 1460) - Math.floor(ofCycle / 36_524) + Math.floor(ofCycle / (DAYS_PER_CYCLE - 1));
  const year = Math.floor((ofCycle - leapDays) / DAYS_PER_YEAR);
  const ofYear = ofCycle - (DAYS_PER_YEAR * year + Math.floor(year / 4) - Math.floor(year / 100));
  // From March on, five months have 153 days together, again and again.
  const month = Math.floor((5 * ofYear + 2) / 153);
  const dayOfMonth = ofYear - Math.floor((153 * month + 2) / 5) + 1;
  const afterNewYear = month >= 10;
  const fullYear = year + cycle * YEARS_PER_CYCLE + (afterNewYear ? 1 : 0);
  return `${String(fullYear).padStart(4, '0')}-${two(afterNewYear ? month - 9 : month + 3)}-${two(dayOfMonth)}`;
}

function two(value: number): string {
  return TWO_DIGITS[value] as string;
}
