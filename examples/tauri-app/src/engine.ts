// How this app starts its engine, on a free port of the loopback.
export function argv(model: string, port: number): string[] {
  return ["-m", model, "--port", String(port), "-c", "4096", "--parallel", "1"];
}
