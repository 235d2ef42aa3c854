# The service: docker build -t switchboard .
# It listens on all addresses of the container, so it starts in secured mode only: set SWITCHBOARD_JWT_SECRET or
# SWITCHBOARD_API_KEYS (or SWITCHBOARD_OPEN=true, where everyone who reaches it may do everything).

FROM node:22-slim AS build
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
RUN npm ci
COPY . .
RUN npm run build

FROM node:22-slim AS dependencies
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
RUN npm ci --omit=dev && npm cache clean --force

FROM node:22-slim
WORKDIR /app
ENV NODE_ENV=production HOST=0.0.0.0 PORT=3000 SWITCHBOARD_LOG_FORMAT=json
COPY --from=dependencies /app/node_modules ./node_modules
COPY --from=build /app/dist ./dist
COPY docs/openapi.json ./docs/openapi.json
COPY docs/why ./docs/why
COPY package.json LICENSE ./
USER node
EXPOSE 3000
HEALTHCHECK --interval=10s --timeout=3s --start-period=10s \
  CMD ["node", "-e", "fetch(`http://127.0.0.1:${process.env.PORT}/health/live`).then((answer) => process.exit(answer.ok ? 0 : 1), () => process.exit(1))"]
# Node itself is the process that gets SIGTERM, so that it drains.
CMD ["node", "dist/main.js"]
