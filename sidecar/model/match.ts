// Matchers shared by routes, filters and access logs: strings, headers, fractions, addresses. Patterns
// are already compiled (RE2 syntax, see decode/regex.ts); a matcher holds what is needed to run it.

/** A compiled RE2 pattern. `full` says whether the whole text matches. */
export interface Regex {
  readonly source: string;
  full(text: string): boolean;
  /** Every match replaced; `\1` refers to a group, `\\` is a backslash (RE2's rewrite syntax). */
  replaceAll(text: string, substitution: string): string;
}

export type StringMatch =
  | { readonly kind: 'exact' | 'prefix' | 'suffix' | 'contains'; readonly value: string; readonly ignoreCase: boolean }
  | { readonly kind: 'regex'; readonly regex: Regex };

export interface HeaderMatch {
  /** Lower case; `:method`, `:path`, `:authority`, `:scheme` name parts of the request line. */
  readonly name: string;
  readonly test:
    | { readonly kind: 'present'; readonly present: boolean }
    | { readonly kind: 'string'; readonly match: StringMatch }
    | { readonly kind: 'range'; readonly start: number; readonly end: number };
  readonly invert: boolean;
  readonly treatMissingAsEmpty: boolean;
}

export interface QueryMatch {
  readonly name: string;
  /** null: the parameter only has to be there, or not to be there. */
  readonly value: StringMatch | null;
  readonly present: boolean;
}

/** A share of events, 0 to 1. */
export type Fraction = number;

export interface Cidr {
  /** Canonical address text: dotted quad, or IPv6 without brackets. */
  readonly address: string;
  readonly prefixLength: number;
}

/** Something to put in the place of a match. */
export interface RegexRewrite {
  readonly regex: Regex;
  readonly substitution: string;
}
