import { describe, expect, it } from '@jest/globals';
import { addUp, createMetrics } from '../../../src/platform/prometheus.ts';

describe('what several processes measured', () => {
  it('is added up, but for what only the greatest of tells something', async () => {
    const processes = [1, 3].map((value) => {
      const metrics = createMetrics({ version: '1' });
      metrics.countLookup('token-terms', 'hit');
      metrics.watch({ name: 'test_age_seconds', help: 'An age.', together: 'max' }, () => value);
      metrics.watch({ name: 'test_size', help: 'A size.' }, () => value);
      return metrics;
    });
    const text = await addUp(await Promise.all(processes.map((metrics) => metrics.snapshot())));
    expect(text).toMatch(/^test_age_seconds 3$/m);
    expect(text).toMatch(/^test_size 4$/m);
    expect(text).toContain('toolgrant_cache_lookups_total{cache="token-terms",outcome="hit"} 2');
  });
});
