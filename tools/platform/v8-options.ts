/**
 * Has V8 optimise a function after about a tenth of the calls that it waits for by itself. An order calls most functions once or a few times, so
 * that a service would else be slow for thousands of orders after each start. The image gives them too (`Dockerfile`).
 */
export const v8Options = [
  '--invocation-count-for-maglev=50',
  '--invocation-count-for-turbofan=300',
  '--minimum-invocations-after-ic-update=50',
];
