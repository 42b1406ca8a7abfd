/** What the variables of every dashboard select. */
export const OF_JOB = 'job=~"$job",instance=~"$instance"';
/** Of dashboards that select by interface too. */
export const OF_INTERFACE = `${OF_JOB},interface=~"$interface"`;

/** How many series a graph shows: the largest at each moment. */
const SHOWN = 10;

/** Of a counter, a second. */
export function rate(counter: string, selector: string): string {
  return `rate(${counter}{${selector}}[$__rate_interval])`;
}

/** The sum of what is a second by some labels. */
export function rateBy(labels: string, counter: string, selector: string): string {
  return `sum by (${labels}) (${rate(counter, selector)})`;
}

/** The growth of a counter over all that the dashboard shows, by some labels. */
export function growthBy(labels: string, counter: string, selector: string): string {
  return `sum by (${labels}) (increase(${counter}{${selector}}[$__range]))`;
}

export function largest(query: string): string {
  return `topk(${SHOWN}, ${query})`;
}
