/** Lists and statements with 100,000 consents of 25,000 people: a tenth of what `npm run soak` takes them with, by `TEST_CONSENTS`. */
import { testLargeLists } from '../support/large/large-lists.ts';

testLargeLists(100_000);
