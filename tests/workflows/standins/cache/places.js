// What a step asks for, and where it is kept: a folder for each cache, in it a folder for each path.
const fs = require("fs"), os = require("os"), path = require("path");
const lines = (name) => (process.env[`INPUT_${name}`] || "").split("\n").map((line) => line.trim()).filter(Boolean);
const folder = (key) => path.join(process.env.STANDIN_CACHE, encodeURIComponent(key));
const absolute = (name) => path.resolve(name.replace(/^~/, process.env.HOME || os.homedir()));
// Of a path, the folder that it is in and its name there, where a star stands for anything.
const parts = (name) => {
  const text = path.basename(name).replace(/[.+^$()|[\]\\]/g, "\\$&").replace(/\*/g, ".*");
  return { place: path.dirname(absolute(name)), fits: new RegExp(`^${text}$`) };
};
const copy = (from, fits, to) => {
  const names = fs.existsSync(from) ? fs.readdirSync(from).filter((name) => fits.test(name)) : [];
  for (const name of names) fs.cpSync(path.join(from, name), path.join(to, name), { recursive: true });
};
module.exports = { fs, path, lines, folder, parts, copy, key: lines("KEY")[0], paths: lines("PATH") };
