// Package tunneltest helps to test what depends on tunnels, and the tunnels
// themselves.
//
// [Run] checks that a [tunnel.Provider] keeps the contract of its interface;
// every provider's test calls it.
//
// [Edge] is an ngrok service in this process. The real client library connects
// to it over TCP and TLS, as does the igloo binary when it is given the edge's
// address and CA; [Edge.Client] is the public that calls the URLs. It has a
// switch for everything that goes wrong out there:
//
//	edge := tunneltest.New(t)
//	ca, err := edge.WriteCA(t.TempDir())
//	…
//	cmd := exec.Command("igloo", "--tunnel", "ngrok",
//		"--ngrok-connect-url", edge.ConnectURL(), "--ngrok-ca", ca)
//	…
//	edge.DropSessions()
//	resp, err := edge.Client().Get(publicURL)
//
// [Memory] is a provider without a network, for tests of what uses providers.
//
// Nothing but tests may import the package.
//
// The package makes no API promise before v1.
package tunneltest
