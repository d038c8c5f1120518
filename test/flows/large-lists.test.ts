/** Lists and statements with 20,000 consents of 5,000 people; with more of both in `test/deep` and the soak. */
import { testLargeLists } from '../support/large/large-lists.ts';

testLargeLists(20_000);
