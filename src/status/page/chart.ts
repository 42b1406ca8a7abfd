import { type Html, html } from "./html.ts";

const WIDTH = 120;
const HEIGHT = 24;

/**
 * A line of the last values, the newest at the right end, as an image without a script; `about` is what a reader hears
 * of it. The height is that of the largest value.
 */
export function chart(values: readonly number[], capacity: number, about: string): Html {
  const largest = Math.max(...values, Number.MIN_VALUE);
  const step = WIDTH / Math.max(capacity - 1, 1);
  const first = WIDTH - (values.length - 1) * step;
  const points = values.map((value, index) => {
    const x = first + index * step;
    const y = HEIGHT - 1 - (value / largest) * (HEIGHT - 2);
    return `${x.toFixed(1)},${y.toFixed(1)}`;
  });
  return html`<svg class="chart" viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-label="${about}">
    <path d="M0 ${HEIGHT - 0.5}H${WIDTH}" />
    <polyline points="${points.join(" ")}" />
  </svg>`;
}
