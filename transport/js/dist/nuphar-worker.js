// Nuphar's timer for hidden pages: browsers slow a hidden page's own timers down, and leave those of its workers alone.
// In: milliseconds until the next call, or null for none. Out: something, when they are over.
let timer = 0;
onmessage = ({ data }) => {
  clearTimeout(timer);
  if (data !== null) timer = setTimeout(postMessage, data, 0);
};
