/** The page at `/`: what runs here, what it captures, and where to go on. */
export function landingPage(
  telemetryPath: string,
  version: string,
  engine: string,
  taps: readonly { name: string; isUp: boolean }[],
): string {
  const interfaces = taps.map(({ name, isUp }) => `<li>${escapeHtml(name)}${isUp ? "" : " (down)"}</li>`).join("\n");
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>promtap</title>
<style>body { font-family: sans-serif; max-width: 40em; margin: 2em auto; padding: 0 1em }</style>
</head>
<body>
<h1>promtap</h1>
<p>Accounts network traffic for Prometheus.</p>
<p>Version: ${escapeHtml(version)}</p>
<p>Engine: ${escapeHtml(engine)}</p>
${interfaces === "" ? "" : `<p>Interfaces:</p>\n<ul>\n${interfaces}\n</ul>`}
<ul>
<li><a href="${escapeHtml(telemetryPath)}" rel="noopener noreferrer">Metrics</a></li>
<li><a href="/-/healthy" rel="noopener noreferrer">Healthy</a></li>
<li><a href="/-/ready" rel="noopener noreferrer">Ready</a></li>
</ul>
</body>
</html>
`;
}

/** A landing page that has a title and the way to the metrics alone. */
export function plainLandingPage(title: string, telemetryPath: string): string {
  return `<html>
<head><title>${escapeHtml(title)}</title></head>
<body>
<h1>${escapeHtml(title)}</h1>
<p><a href="${escapeHtml(telemetryPath)}">Metrics</a></p>
</body>
</html>
`;
}

function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}
