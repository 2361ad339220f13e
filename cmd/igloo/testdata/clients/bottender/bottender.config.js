module.exports = {
  session: { driver: "memory" },
  channels: {
    messenger: {
      enabled: true,
      path: "/webhook",
      accessToken: "none",
      appId: "none",
      appSecret: process.env.APP_SECRET,
      verifyToken: process.env.VERIFY_TOKEN,
    },
  },
};
