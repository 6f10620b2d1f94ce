const { fs, path, folder, parts, copy, key, paths } = require("./places");
const there = paths.map(parts).some(({ place, fits }) => fs.existsSync(place) && fs.readdirSync(place).some((name) => fits.test(name)));
if (there && !fs.existsSync(folder(key))) {
  fs.mkdirSync(folder(key), { recursive: true });
  paths.forEach((name, at) => copy(parts(name).place, parts(name).fits, path.join(folder(key), String(at))));
}
