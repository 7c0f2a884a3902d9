export function GraphView() {
  return <main class="graph">Graph</main>;
}
