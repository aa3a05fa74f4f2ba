-- What wrk sends. Every request is another one: numbers are drawn from all the orders that are loaded.
--   wrk ... -s requests.lua URL -- KIND KEY ORDERS SEED
-- The n-th loaded order is PO-B and nine digits, n * 387420489 mod 10^9 (see loading.py): a walk that meets none twice.

local kind, key, orders, seed, sent = "plain", "", 1, 1, 0

local function number(n)
  return string.format("PO-B%09d", (n * 387420489) % 1000000000)
end

local function any_number()
  return number(math.random(0, orders - 1))
end

local function order()
  return string.format(
    '{"currency":"EUR","lines":['
      .. '{"sku":"A-%d","description":"Carton of %d, blue","quantity":"%d","unit":"EA","unit_price":"%d.90"},'
      .. '{"sku":"B-%d","description":"Pallet, heat-treated","quantity":"%d","unit":"EA","unit_price":"14.%02d"}]}',
    math.random(99999), math.random(144), math.random(500), math.random(80),
    math.random(99999), math.random(40), math.random(0, 99)
  )
end

local function listed(make)
  local items = {}
  for i = 1, 1000 do items[i] = make() end
  return table.concat(items, ",")
end

local function post(path, body)
  sent = sent + 1
  wrk.headers["Idempotency-Key"] = string.format("bench-%d-%d", seed, sent)
  return wrk.format("POST", path, nil, body)
end

local kinds = {
  plain = function() return wrk.format("GET") end,
  echo = function() return post("/echo", order()) end,
  afternoon_validate = function() return wrk.format("GET", "/validations/" .. any_number()) end,
  afternoon_issue = function() return post("/purchase-orders", order()) end,
  validate = function() return wrk.format("GET", "/v1/validations/" .. any_number()) end,
  validate_minimal = function()
    wrk.headers["Prefer"] = "return=minimal"
    return wrk.format("GET", "/v1/validations/" .. any_number())
  end,
  validate_post = function() return wrk.format("POST", "/v1/validations", nil, '{"input":"' .. any_number() .. '"}') end,
  validate_batch = function()
    return wrk.format("POST", "/v1/validations/batch", nil,
      '{"inputs":[' .. listed(function() return '"' .. any_number() .. '"' end) .. ']}')
  end,
  issue = function() return post("/v1/purchase-orders", order()) end,
  issue_batch = function() return post("/v1/purchase-orders/batch", '{"purchase_orders":[' .. listed(order) .. ']}') end,
}

function init(args)
  kind, key, orders, seed = args[1], args[2], tonumber(args[3]), tonumber(args[4])
  math.randomseed(seed)
  wrk.headers["Content-Type"] = "application/json"
  if key ~= "-" then wrk.headers["Authorization"] = "Bearer " .. key end
  request = kinds[kind]
end

function done(summary, latency)
  local errors = summary.errors
  io.write(string.format(
    'RESULT {"requests":%d,"microseconds":%d,"p50":%.1f,"p99":%.1f,"refused":%d,"broken":%d}\n',
    summary.requests, summary.duration, latency:percentile(50), latency:percentile(99),
    errors.status, errors.connect + errors.read + errors.write + errors.timeout
  ))
end
