// Shows under the command how this server is; without an answer, the page stays as it is.

const list = document.getElementById("health");
const answer = await fetch("/health/ready").then((response) => response.json()).catch(() => null);

for (const [part, state] of Object.entries(answer?.checks ?? {})) {
  const item = document.createElement("li");
  item.className = state === "ok" ? "ok" : "failing";
  item.textContent = state === "ok" ? part : `${part}: ${state}`;
  list.append(item);
}
list.hidden = !list.children.length;
