const { fs, path, folder, parts, copy, key, paths } = require("./places");
if (!fs.existsSync(folder(key))) {
  fs.mkdirSync(folder(key), { recursive: true });
  paths.forEach((name, at) => copy(parts(name).place, parts(name).fits, path.join(folder(key), String(at))));
}
