// What a step asks for, and where it is kept: one folder a cache, in it one entry a path.
const fs = require("fs"), os = require("os"), path = require("path");
const lines = (name) => (process.env[`INPUT_${name}`] || "").split("\n").map((line) => line.trim()).filter(Boolean);
const folder = (key) => path.join(process.env.STANDIN_CACHE, encodeURIComponent(key));
const home = (name) => path.resolve(name.replace(/^~/, process.env.HOME || os.homedir()));
module.exports = { fs, path, lines, folder, home, key: lines("KEY")[0], paths: lines("PATH") };
