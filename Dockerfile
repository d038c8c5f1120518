# Toolgrant as a container: `docker build -t toolgrant .` in a checkout. How to run it: docs/operations.md, compose.yaml.
ARG NODE_IMAGE=node:24.21.0-trixie-slim

# Makes the product as it is published, with the packages that it runs on. Nothing of this stage but that goes further.
FROM ${NODE_IMAGE} AS build
WORKDIR /src
COPY package.json package-lock.json .npmrc ./
RUN npm ci --ignore-scripts
COPY tsconfig.json CHANGELOG.md LICENSE ./
COPY prisma prisma
COPY views views
COPY docs docs
COPY scripts scripts
COPY src src
RUN node scripts/generate-client.ts && node scripts/build/main.ts
# As its own lock file says, and without install scripts: the programs for this platform come ready-made.
RUN cd dist/toolgrant && npm ci --omit=dev --ignore-scripts
RUN mkdir empty

FROM ${NODE_IMAGE}
ENV NODE_ENV=production \
    TOOLGRANT_HOST=0.0.0.0 \
    TOOLGRANT_PORT=4000 \
    TOOLGRANT_DATA_DIR=/var/lib/toolgrant
# Root's, so that whoever takes over the process cannot change what it runs.
COPY --from=build /src/dist/toolgrant /opt/toolgrant
COPY deploy/healthcheck.mjs /opt/toolgrant/healthcheck.mjs
# The one place that is written to: the embedded database and its secret. Unused with DATABASE_URL.
COPY --from=build --chown=1000:1000 /src/empty /var/lib/toolgrant
VOLUME /var/lib/toolgrant
WORKDIR /var/lib/toolgrant
# `node`, by its number, so that an orchestrator sees that it is not root.
USER 1000:1000
EXPOSE 4000
# Whether it lives. One that only waits for its database is not to be ended: ask for readyz where no more than that is meant.
HEALTHCHECK --interval=15s --timeout=5s --start-period=60s --retries=3 CMD ["node", "/opt/toolgrant/healthcheck.mjs", "healthz"]
# In exec form: SIGTERM reaches the issuer itself, which lets requests under way finish.
ENTRYPOINT ["node", "/opt/toolgrant/lib/main.js"]
CMD ["serve"]
