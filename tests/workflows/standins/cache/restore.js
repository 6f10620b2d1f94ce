const { fs, path, lines, folder, home, key, paths } = require("./places");
const age = (name) => fs.statSync(folder(name)).mtimeMs;
const kept = fs.readdirSync(process.env.STANDIN_CACHE).map(decodeURIComponent);
const like = (start) => kept.filter((name) => name.startsWith(start)).sort((one, other) => age(other) - age(one));
const found = kept.includes(key) ? key : lines("RESTORE-KEYS").flatMap(like)[0];
if (found) {
  paths.forEach((name, at) => {
    const from = path.join(folder(found), String(at));
    if (fs.existsSync(from)) fs.cpSync(from, home(name), { recursive: true });
  });
}
console.log(found ? `cache: ${found}` : "cache: nothing");
