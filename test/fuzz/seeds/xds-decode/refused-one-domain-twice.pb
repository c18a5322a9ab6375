
1]
<type.googleapis.com/envoy.config.route.v3.RouteConfiguration
r
va.test
wA.test"<type.googleapis.com/envoy.config.route.v3.RouteConfiguration*n