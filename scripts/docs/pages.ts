// The generated pages, by file name.

import { adminPage } from './admin-page.ts';
import { flagsPage } from './flags-page.ts';
import { responseFlagsPage } from './response-flags-page.ts';

export const PAGES: Readonly<Record<string, () => string>> = {
  'admin.md': adminPage,
  'flags.md': flagsPage,
  'response-flags.md': responseFlagsPage,
};
