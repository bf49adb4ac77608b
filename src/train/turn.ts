/**
 * Lets what waits outside have its turn: key presses, timers, messages. Awaiting a value that is there does not, and training on one
 * thread awaits nothing else. A message comes back in microseconds, a timer in 1 to 4 ms.
 */
export function turn(): Promise<void> {
  if (typeof MessageChannel === "undefined") return new Promise((resolve) => setTimeout(resolve));
  const { port1, port2 } = new MessageChannel();
  return new Promise((resolve) => {
    port1.onmessage = () => {
      port1.close();
      resolve();
    };
    port2.postMessage(undefined);
  });
}
