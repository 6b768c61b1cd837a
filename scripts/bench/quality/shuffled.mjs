/** Items in random order (Fisher and Yates). @param random numbers in [0, 1) */
export function shuffled(items, random) {
  const order = [...items];
  for (let last = order.length - 1; last > 0; last--) {
    const at = Math.floor(random() * (last + 1));
    [order[at], order[last]] = [order[last], order[at]];
  }
  return order;
}
