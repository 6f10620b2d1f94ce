// Brings the llama-server that this app ships: fetched, verified, pruned and signed again.
import { createHash } from "node:crypto";
import { execFileSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, realpathSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const LLAMA_CPP_TAG = "b11194";

const ASSETS: Record<string, { file: string; sha256: string }> = {
  "macos-arm64": {
    file: "llama-b11194-bin-macos-arm64.tar.gz",
    sha256: "1111111111111111111111111111111111111111111111111111111111111111",
  },
  "ubuntu-x64": {
    file: "llama-b11194-bin-ubuntu-x64.tar.gz",
    sha256: "2222222222222222222222222222222222222222222222222222222222222222",
  },
};

// A bump asks for another build than ours, and says which file it is and what is in it.
const tag = process.env.ENGINE_CI_VERSION || LLAMA_CPP_TAG;
const platform = process.env.ENGINE_CI_PLATFORM || (process.platform === "darwin" ? "macos-arm64" : "ubuntu-x64");
const asset = process.env.ENGINE_CI_ASSET
  ? { file: process.env.ENGINE_CI_ASSET, sha256: process.env.ENGINE_CI_SHA256 ?? "" }
  : ASSETS[platform];
const server = process.env.npm_package_config_releases;

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const binaries = join(root, "src-tauri", "binaries");
const stamp = join(root, "src-tauri", ".llama-server");

function run(program: string, ...args: string[]): void {
  execFileSync(program, args, { stdio: "inherit" });
}

async function fetched(): Promise<Buffer> {
  const url = `${server}/${tag}/${asset.file}`;
  const answer = await fetch(url);
  if (!answer.ok) throw new Error(`${url}: status ${answer.status}`);
  const bytes = Buffer.from(await answer.arrayBuffer());
  const found = createHash("sha256").update(bytes).digest("hex");
  if (found !== asset.sha256) throw new Error(`${asset.file}: expected sha256 ${asset.sha256}, found ${found}`);
  return bytes;
}

const WANTED = /^(llama-server|LICENSE.*|lib(ggml|ggml-base|ggml-cpu|ggml-metal|llama|llama-common|llama-server-impl|mtmd|gomp)(\.\d+)*(\.so|\.dylib)(\.\d+)?)$/;

// Libraries are shipped as files and not as links.
function pruned(from: string, into: string): void {
  for (const name of readdirSync(from, { recursive: true, encoding: "utf8" })) {
    if (!WANTED.test(basename(name))) continue;
    mkdirSync(dirname(join(into, name)), { recursive: true });
    cpSync(realpathSync(join(from, name)), join(into, name));
  }
}

function signed(folder: string): void {
  for (const name of readdirSync(folder)) {
    if (name === "llama-server") run("install_name_tool", "-add_rpath", "@loader_path", join(folder, name));
    if (!name.startsWith("LICENSE")) run("codesign", "--force", "--sign", "-", join(folder, name));
  }
}

const mark = `${tag} ${asset.sha256}\n`;
if (!existsSync(binaries) || !existsSync(stamp) || readFileSync(stamp, "utf8") !== mark) {
  const work = mkdtempSync(join(tmpdir(), "llama-server-"));
  try {
    const archive = join(work, asset.file);
    writeFileSync(archive, await fetched());
    run("tar", "-xzf", archive, "-C", work);
    const next = join(root, "src-tauri", ".binaries");
    rmSync(next, { recursive: true, force: true });
    pruned(join(work, `llama-${tag}`), next);
    if (platform.startsWith("macos")) signed(next);
    rmSync(binaries, { recursive: true, force: true });
    renameSync(next, binaries);
    writeFileSync(stamp, mark);
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}
