const { fs, path, folder, home, key, paths } = require("./places");
if (!fs.existsSync(folder(key))) {
  fs.mkdirSync(folder(key), { recursive: true });
  paths.forEach((name, at) => {
    if (fs.existsSync(home(name))) fs.cpSync(home(name), path.join(folder(key), String(at)), { recursive: true });
  });
}
