// Starts Swagger UI on the API document of this server. Access tokens are kept in memory only.
"use strict";

const place = document.getElementById("swagger-ui");
const dark = window.matchMedia("(prefers-color-scheme: dark)");
const followColours = () => document.documentElement.classList.toggle("dark-mode", dark.matches);

// "Try it out" calls the host this page came from, which PUBLIC_URL may spell in another way.
function onThisHost(server) {
  const path = new URL(server.url).pathname.replace(/\/$/, "");
  return { ...server, url: window.location.origin + path };
}

function start(description) {
  window.SwaggerUIBundle({
    domNode: place,
    spec: { ...description, servers: description.servers.map(onThisHost) },
    deepLinking: true,
    defaultModelsExpandDepth: 0,
    displayRequestDuration: true,
    filter: true,
    validatorUrl: null,
  });
}

dark.addEventListener("change", followColours);
followColours();
fetch(place.dataset.document)
  .then((response) => response.json())
  .then(start)
  .catch(() => { place.textContent = "The API document could not be loaded. Reload the page to try again."; });
