const { fs, path, lines, folder, parts, copy, key, paths } = require("./places");
const age = (name) => fs.statSync(folder(name)).mtimeMs;
const kept = fs.readdirSync(process.env.STANDIN_CACHE).map(decodeURIComponent);
const like = (start) => kept.filter((name) => name.startsWith(start)).sort((one, other) => age(other) - age(one));
const found = kept.includes(key) ? key : lines("RESTORE-KEYS").flatMap(like)[0];
if (found) paths.forEach((name, at) => copy(path.join(folder(found), String(at)), parts(name).fits, parts(name).place));
console.log(found ? `cache: ${found}` : "cache: nothing");
