/** Has a service load one of this folder's files before anything else. */
export function preload(
  name: 'abort-on-charge' | 'abort-on-poison' | 'clock-off',
  env: Readonly<Record<string, string>> = {},
) {
  return { env: { ...env, NODE_OPTIONS: `--import ${new URL(`${name}.ts`, import.meta.url).href}` } };
}
