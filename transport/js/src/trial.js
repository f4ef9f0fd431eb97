import { NORMAL_CLOSURE } from "./close-codes.js";

/**
 * Whether a transport opens, tried beside the line in use, with what that has shown. `end(opened)` is called once; the result
 * stops the trial.
 */
export function trial(transport, url, { shown }, end) {
  const line = transport.connect(url, shown);
  const over = (opened, leaves) => {
    line.onopen = line.onclose = () => {};
    end(opened);
    if (leaves) line.close(NORMAL_CLOSURE);
  };
  line.onframe = () => {};
  line.onclose = () => over(false, false);
  line.onopen = () => over(true, true);
  return () => over(false, true);
}
