/** Steps as a JSON Pointer (RFC 6901); the whole document is `""`. */
export function pointerOf(steps: readonly string[]): string {
  return steps.map((step) => `/${step.replaceAll('~', '~0').replaceAll('/', '~1')}`).join('');
}

/** The steps of a pointer in a URI fragment, which is percent-encoded; undefined for what is none. */
export function stepsOfFragment(fragment: string): string[] | undefined {
  if (!fragment.startsWith('#/')) return undefined;
  try {
    const steps = fragment.slice('#/'.length).split('/');
    return steps.map((step) => decodeURIComponent(step).replaceAll('~1', '/').replaceAll('~0', '~'));
  } catch {
    return undefined;
  }
}
