
1‡
<type.googleapis.com/envoy.config.route.v3.RouteConfigurationG
rB
v*"

/

a

bJ
5xx

R(a+)+$:Èx"<type.googleapis.com/envoy.config.route.v3.RouteConfiguration*n