/** The middle value; the mean of the two middle ones of an even number. */
export function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

/** The exponent e of y = c·xᵉ, by least squares on logarithms; undefined for fewer than two points. */
export function exponent(points) {
  if (points.length < 2) return undefined;
  const logs = points.map(([x, y]) => [Math.log(x), Math.log(y)]);
  const mean = (at) => logs.reduce((sum, log) => sum + log[at], 0) / logs.length;
  const [x, y] = [mean(0), mean(1)];
  const covariance = logs.reduce((sum, log) => sum + (log[0] - x) * (log[1] - y), 0);
  return covariance / logs.reduce((sum, log) => sum + (log[0] - x) ** 2, 0);
}

const LATER_CALLS = 3;

/**
 * What a measurement takes the first time in its process (`coldSeconds`), when memory is touched that this process never
 * had, and later (`seconds`, the median of three more calls; of one where calls take a second).
 *
 * @param measure resolves to seconds
 */
export async function coldAndWarm(measure) {
  const coldSeconds = await measure();
  const later = [];
  do later.push(await measure());
  while (coldSeconds < 1 && later.length < LATER_CALLS);
  return { seconds: median(later), coldSeconds };
}

/** Seconds that an asynchronous call takes, and what it gives. */
export async function timed(call) {
  const start = performance.now();
  const value = await call();
  return { seconds: (performance.now() - start) / 1000, value };
}
