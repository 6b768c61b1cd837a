/** A goal that a value must not exceed; undefined where there is nothing to judge. */
export const atMost = (name, value, goal) =>
  value === undefined ? undefined : { name, value, goal, sense: 'at most', holds: value <= goal };

/** A goal that a value must reach; undefined where there is nothing to judge. */
export const atLeast = (name, value, goal) =>
  value === undefined ? undefined : { name, value, goal, sense: 'at least', holds: value >= goal };
