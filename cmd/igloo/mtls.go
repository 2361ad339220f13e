package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/igloo-dev/igloo/simulator"
)

// metaCA is the file with the authority of Meta's own client certificate.
const metaCA = "meta-outbound-api-ca-2025-12.pem"

func (b builder) mtls() *cobra.Command {
	page := func(use, short, long, example string, work func(c *command) error) *cobra.Command {
		return &cobra.Command{
			Use: use, Short: short, Long: long, Example: example,
			Args: exactly(0, "igloo mtls "+use),
			RunE: b.run(func(c *command, _ *cobra.Command, _ []string) error {
				if c.JSON && use != "cert" {
					return usagef("the paths of all its files: igloo mtls cert --json", "igloo mtls %s prints a text and takes no --json", use)
				}
				return work(c)
			}),
		}
	}
	group := b.group("mtls", "A stand-in for Meta's client certificate, and servers that ask for it",
		page("ca", "Print the stand-in's authority: what your server trusts",
			"Print the certificate authority that signed the stand-in, in PEM form. A server that\ntrusts it takes deliveries of igloo fire --mtls.",
			"  igloo mtls ca > igloo-ca.pem", (*command).mtlsCA),
		page("cert", "Print the path of the stand-in's certificate chain",
			"Print the path of the client certificate that igloo fire --mtls shows, with its\nintermediate behind it. --json tells the paths of its key and authority, too.",
			"  curl --cert $(igloo mtls cert) --key …/client.key https://localhost/webhook", (*command).mtlsCert),
		page("nginx", "Print an nginx configuration that lets only Meta's certificate in",
			"Print an nginx configuration that lets in who shows Meta's client certificate, or igloo's\nstand-in, and nobody else.",
			"  igloo mtls nginx > /etc/nginx/conf.d/webhook.conf", (*command).mtlsNginx),
		page("alb", "Print how an AWS load balancer lets only Meta's certificate in",
			"Print the commands that make an AWS Application Load Balancer ask for Meta's client\ncertificate, and the check of its name that is left to your app.",
			"  igloo mtls alb", (*command).mtlsALB),
	)
	group.Long = `Meta can show a client certificate with each delivery. igloo plays that with a stand-in: an
authority of this project, an intermediate, and a certificate with the name of Meta's. None
of it is Meta's; in production your server trusts Meta's own authority, ` + metaCA + `.`
	group.Example = `  igloo mtls ca > igloo-ca.pem
  igloo fire comments --to https://localhost/webhook --mtls --cacert server.pem`
	return group
}

func (c *command) mtlsCA() error {
	own, err := c.standIn()
	if err != nil {
		return err
	}
	ca, err := os.ReadFile(own.CA)
	if err != nil {
		return err
	}
	_, err = c.stdout.Write(ca)
	return err
}

// mtlsLine is the stand-in for programs.
type mtlsLine struct {
	Type    string `json:"type"` // "mtls"
	CA      string `json:"ca"`   // paths
	Cert    string `json:"cert"`
	Key     string `json:"key"`
	Name    string `json:"name"` // common name of the certificate
	Expires string `json:"expires"`
}

func (c *command) mtlsCert() error {
	own, err := c.standIn()
	if err != nil {
		return err
	}
	if c.JSON {
		return (&lineWriter{out: c.stdout}).write(mtlsLine{
			Type: "mtls", CA: own.CA, Cert: own.Cert, Key: own.Key, Name: simulator.ClientName, Expires: stampText(own.Expires),
		})
	}
	if isTerminal(c.stdout) {
		fmt.Fprintf(c.stderr, "igloo: its key is %s; both end on %s\n", own.Key, own.Expires.Format(time.DateOnly))
	}
	_, err = fmt.Fprintln(c.stdout, own.Cert)
	return err
}

// nginxPattern finds Meta's name in a subject as nginx and the load balancer write it:
// the whole value of CN, and not one inside of another value, where a comma is escaped.
func nginxPattern() string {
	return `(?:^|[^\\],)CN=` + strings.ReplaceAll(simulator.ClientName, ".", `\.`) + `(?:,|$)`
}

func (c *command) mtlsNginx() error {
	own, err := c.standIn()
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(c.stdout, nginxConfig, metaCA, strings.ReplaceAll(nginxPattern(), `\\`, `\\\\`), filepath.ToSlash(own.CA))
	return err
}

// nginxConfig is for a file in conf.d. Meta's page shows the same directives with a
// match of the name that is not anchored, which any longer name passes.
const nginxConfig = `# Lets in who shows the client certificate of the stand-in that igloo fire --mtls uses.
# For Meta itself put its own authority, %s, in the place of
# ssl_client_certificate. One file can hold both, one after the other.

map $ssl_client_s_dn $shows_metas_name {
    default 0;
    "~%s" 1;
}

server {
    listen 443 ssl;
    server_name webhooks.example.com;
    ssl_certificate     /etc/nginx/webhooks.example.com.pem;
    ssl_certificate_key /etc/nginx/webhooks.example.com.key;

    ssl_client_certificate "%s";
    ssl_verify_client on;
    ssl_verify_depth 3;

    location / {
        if ($shows_metas_name = 0) {
            return 403;
        }
        proxy_pass http://127.0.0.1:3000;
    }
}
`

func (c *command) mtlsALB() error {
	own, err := c.standIn()
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(c.stdout, albSteps, own.CA, metaCA, nginxPattern())
	return err
}

const albSteps = `# 1. A trust store with the authority of igloo's stand-in,
#      %s
#    or for Meta itself with its own, %s.
#    One file can hold both, one after the other.
aws s3 cp ca.pem s3://BUCKET/webhooks-ca.pem
aws elbv2 create-trust-store --name webhooks \
  --ca-certificates-bundle-s3-bucket BUCKET --ca-certificates-bundle-s3-key webhooks-ca.pem

# 2. The HTTPS listener asks for a certificate that chains to it.
aws elbv2 modify-listener --listener-arn LISTENER_ARN \
  --mutual-authentication Mode=verify,TrustStoreArn=TRUST_STORE_ARN

# 3. That authority signs other certificates, too, so your app checks the name. The load
#    balancer sends the subject in X-Amzn-Mtls-Clientcert-Subject; refuse a request
#    unless it matches this pattern, whole and with upper and lower case as they are:
#      %s
#    Let nothing but the load balancer reach the app: anybody else could write that
#    header.
`
