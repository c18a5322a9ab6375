
1Y
<type.googleapis.com/envoy.config.route.v3.RouteConfiguration
r
v*
R(
a"<type.googleapis.com/envoy.config.route.v3.RouteConfiguration*n